"""What synthetic voices say: answers, short and personal and carriers' greetings, screening, network announcements.

By language, `SAID[what][language]`; names and companies are made up. `{name}` and `{company}` are drawn.
"""

from typing import Final

import numpy as np

NAMES: Final = ("Anna", "Tom", "Maria", "Jordan", "Peter", "Elena", "Miller", "Novak")
COMPANIES: Final = ("Acme", "Blue River Dental", "Northgate Motors", "Hotel Bellevue", "Studio Nine")

SAID: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "word": {
        "en": ("Hello?", "Hello?", "Hello?", "Hi?", "Yes?", "Yeah?", "Hello, hello?", "Who's this?"),
        "es": ("¿Hola?", "¿Diga?", "¿Dígame?", "¿Sí?", "¿Bueno?", "¿Aló?"),
        "fr": ("Allô?", "Allô?", "Oui?", "Oui, allô?"),
        "de": ("Hallo?", "Ja?", "Ja bitte?", "Hallo, ja?", "{name}."),
        "it": ("Pronto?", "Pronto?", "Sì?", "Sì, pronto?"),
        "pt": ("Alô?", "Alô?", "Oi?", "Sim?", "Pronto?"),
        "ru": ("Алло?", "Да?", "Слушаю.", "Алло, да?"),
        "pl": ("Halo?", "Tak?", "Słucham?", "Halo, słucham?"),
    },
    "name": {
        "en": ("Hi, this is {name}.", "{name} speaking.", "Hello, {name} here.", "Yes, hello, who is this?"),
        "es": ("Hola, soy {name}.", "Sí, dígame, ¿quién es?", "{name}, dígame."),
        "fr": ("Allô, {name} à l'appareil.", "Oui, bonjour, c'est {name}.", "Allô, qui est-ce?"),
        "de": ("Hallo, hier ist {name}.", "{name}, guten Tag.", "Ja, hallo, wer ist da?"),
        "it": ("Pronto, sono {name}.", "Sì, pronto, chi parla?", "{name}, buongiorno."),
        "pt": ("Alô, aqui é {name}.", "Oi, quem está falando?", "{name}, bom dia."),
        "ru": ("Алло, это {name}.", "Да, слушаю вас.", "Алло, кто это?"),
        "pl": ("Halo, tu {name}.", "Tak, słucham, kto mówi?", "{name}, dzień dobry."),
    },
    "company": {
        "en": (
            "{company}, how can I help you?",
            "Good morning, {company}, {name} speaking.",
            "Thank you for calling {company}, this is {name}, how may I direct your call?",
            "{company} reception, good afternoon.",
        ),
        "es": ("{company}, buenos días, ¿en qué puedo ayudarle?", "Buenas tardes, {company}, le atiende {name}."),
        "fr": ("{company}, bonjour, que puis-je faire pour vous?", "{company}, {name}, bonjour, je vous écoute."),
        "de": ("{company}, guten Tag, was kann ich für Sie tun?", "Guten Morgen, {company}, mein Name ist {name}."),
        "it": ("{company}, buongiorno, come posso aiutarla?", "Buonasera, {company}, sono {name}, mi dica."),
        "pt": ("{company}, bom dia, em que posso ajudar?", "{company}, {name}, boa tarde."),
        "ru": ("Компания {company}, добрый день, чем могу помочь?", "{company}, {name}, здравствуйте."),
        "pl": ("{company}, dzień dobry, w czym mogę pomóc?", "Dzień dobry, {company}, przy telefonie {name}."),
    },
    "short": {
        "en": (
            "Hi, it's {name}, leave a message.",
            "You've reached {name}. Please leave a message.",
            "Hey, this is {name}, you know what to do.",
            "Hello, this is {name}. I can't come to the phone. Leave me a message.",
            "{name} here, I'll call you back.",
        ),
        "es": ("Hola, soy {name}, deja tu mensaje.", "Has llamado a {name}. Deja un mensaje."),
        "fr": ("Salut, c'est {name}, laissez un message.", "Vous êtes bien chez {name}. Laissez-moi un message."),
        "de": ("Hallo, hier ist {name}, bitte sprecht mir aufs Band.", "Mailbox von {name}. Nachrichten nach dem Ton."),
        "it": ("Ciao, sono {name}, lasciami un messaggio.", "Segreteria di {name}. Lasciate un messaggio."),
        "pt": ("Oi, aqui é {name}, deixe seu recado.", "Você ligou para {name}. Deixe uma mensagem."),
        "ru": ("Привет, это {name}, оставьте сообщение.", "Вы позвонили {name}. Говорите после сигнала."),
        "pl": ("Cześć, tu {name}, zostaw wiadomość.", "Poczta głosowa, {name}. Proszę zostawić wiadomość."),
    },
    "personal": {
        "en": (
            "Hi, you've reached {name}. I can't take your call right now, but if you leave your name and number "
            "I'll get back to you as soon as I can. Thanks.",
            "Hello. This is {name} at {company}. I'm either on another line or away from my desk. "
            "Please leave a message after the tone.",
            "Hey, it's {name}, sorry I missed you. Text me, or leave a message, and have a great day.",
        ),
        "es": (
            "Hola, soy {name}. Ahora mismo no puedo contestar. Deja tu nombre y tu número y te llamo en cuanto pueda.",
            "Has llamado al contestador de {name}. Si quieres, deja tu mensaje después de la señal. Gracias.",
        ),
        "fr": (
            "Bonjour, vous êtes bien sur le répondeur de {name}. Je ne suis pas disponible, mais laissez-moi "
            "un message et je vous rappelle dès que possible.",
            "Salut, c'est {name}. Je ne peux pas répondre. Laissez votre nom et votre numéro, à bientôt.",
        ),
        "de": (
            "Guten Tag, Sie sind mit dem Anschluss von {name} verbunden. Leider bin ich gerade nicht zu erreichen. "
            "Bitte hinterlassen Sie eine Nachricht.",
            "Hallo, hier ist die Mailbox von {name}. Ich rufe zurück, sobald ich kann. Bis dann.",
        ),
        "it": (
            "Ciao, questa è la segreteria di {name}. In questo momento non posso rispondere. "
            "Lasciate un messaggio e vi richiamo appena posso.",
            "Buongiorno, avete chiamato {name}. Lasciate nome e numero dopo il segnale, grazie.",
        ),
        "pt": (
            "Olá, você ligou para {name}. Não posso atender agora. Deixe seu nome e telefone que eu ligo de volta.",
            "Oi, aqui é {name}. Estou numa reunião. Deixe um recado depois do sinal, obrigado.",
        ),
        "ru": (
            "Здравствуйте, вы позвонили {name}. Сейчас я не могу ответить. Оставьте имя и номер, и я вам перезвоню.",
            "Привет, это автоответчик {name}. Говорите после сигнала, я обязательно перезвоню.",
        ),
        "pl": (
            "Dzień dobry, tu {name}. Nie mogę teraz odebrać. Proszę zostawić imię i numer, oddzwonię.",
            "Cześć, tu poczta głosowa {name}. Nagraj się po sygnale, oddzwonię, kiedy będę mógł.",
        ),
    },
    "carrier": {
        "en": (
            "Your call has been forwarded to an automatic voice message system. {name} is not available. "
            "At the tone, please record your message. When you have finished recording, you may hang up, "
            "or press one for more options.",
            "The person you are trying to reach is not available. Please leave a message after the tone.",
        ),
        "es": (
            "El teléfono al que llama está apagado o fuera de cobertura. Deje su mensaje después de la señal.",
            "Este es el buzón de voz del número al que ha llamado. Grabe su mensaje después de la señal y cuelgue.",
        ),
        "fr": (
            "Votre correspondant n'est pas disponible pour le moment. Veuillez laisser un message après le signal.",
            "Bienvenue sur la messagerie vocale. Après le bip, laissez votre message, puis raccrochez.",
        ),
        "de": (
            "Der gewünschte Gesprächspartner ist zur Zeit nicht erreichbar. Sprechen Sie bitte nach dem Signalton.",
            "Hier ist die Mailbox der Rufnummer, die Sie gewählt haben. Bitte sprechen Sie nach dem Ton.",
        ),
        "it": (
            "Il cliente da lei chiamato non è al momento raggiungibile. Lasci un messaggio dopo il segnale acustico.",
            "Risponde la segreteria telefonica del numero che avete chiamato. Registrate il messaggio dopo il tono.",
        ),
        "pt": (
            "A sua chamada está sendo encaminhada para a caixa postal. Deixe o seu recado após o sinal.",
            "O número chamado não está disponível no momento. Grave a sua mensagem após o sinal.",
        ),
        "ru": (
            "Абонент временно недоступен. Пожалуйста, оставьте сообщение после звукового сигнала.",
            "Вас приветствует голосовая почта. Абонент не может ответить. Говорите после сигнала.",
        ),
        "pl": (
            "Abonent jest czasowo niedostępny. Prosimy zostawić wiadomość po usłyszeniu sygnału.",
            "Dodzwoniłeś się do poczty głosowej. Zostaw wiadomość po sygnale, a potem się rozłącz.",
        ),
    },
    "screening": {
        "en": (
            "Hi, the person you are calling is using a screening service, and will get a copy of this conversation. "
            "Go ahead and say your name and why you are calling.",
            "Hello. Before I try to connect you, please say your name and the reason for your call.",
        ),
        "es": ("Hola. Antes de conectar la llamada, diga por favor su nombre y el motivo de la llamada.",),
        "fr": ("Bonjour. Avant de transmettre l'appel, veuillez dire votre nom et la raison de votre appel.",),
        "de": ("Hallo. Bevor ich Sie verbinde, nennen Sie bitte Ihren Namen und den Grund Ihres Anrufs.",),
        "it": ("Salve. Prima di passare la chiamata, dica per favore il suo nome e il motivo della chiamata.",),
        "pt": ("Olá. Antes de transferir a chamada, diga por favor o seu nome e o motivo da ligação.",),
        "ru": ("Здравствуйте. Прежде чем соединить вас, назовите ваше имя и причину звонка.",),
        "pl": ("Dzień dobry. Zanim połączę rozmowę, proszę podać imię i powód, dla którego pan dzwoni.",),
    },
    "announcement": {
        "en": ("The number you have dialed is not in service. Please check the number and dial again.",),
        "es": ("El número que ha marcado no existe. Por favor, compruebe el número y marque de nuevo.",),
        "fr": ("Le numéro que vous avez demandé n'est pas attribué. Veuillez vérifier votre correspondance.",),
        "de": ("Kein Anschluss unter dieser Nummer. Bitte rufen Sie die Auskunft an.",),
        "it": ("Il numero selezionato è inesistente. Si prega di verificare il numero e richiamare.",),
        "pt": ("O número que você discou não existe. Por favor, verifique o número e ligue novamente.",),
        "ru": ("Набранный вами номер не существует. Проверьте номер и позвоните ещё раз.",),
        "pl": ("Wybrany numer nie istnieje. Prosimy sprawdzić numer i zadzwonić ponownie.",),
    },
}


def line(rng: np.random.Generator, what: str, language: str) -> str:
    """One of the lines in an espeak-ng language such as ``pt-br``, its names filled in."""
    lines = SAID[what][language.split("-")[0]]
    name, company = NAMES[int(rng.integers(len(NAMES)))], COMPANIES[int(rng.integers(len(COMPANIES)))]
    return lines[int(rng.integers(len(lines)))].format(name=name, company=company)
