"""What synthetic voices say: mailbox greetings, a few sentences a language."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, ...]]] = {
    "en": (
        "Hello, you have reached our office. Nobody is available to take your call at the moment.",
        "Please leave your name, your number and a short message after the tone.",
        "Your call has been forwarded to an automatic voice message system.",
        "Hi, this is Jordan. I can't come to the phone right now, so leave a message and I'll call you back.",
        "At the tone, please record your message. When you have finished, you may hang up.",
        "The person you are trying to reach is not available.",
        "We are open Monday to Friday from nine to five. In urgent cases send us an e-mail.",
        "Who is speaking? Oh no, I was just going out. Could you ring me in the evening?",
    ),
    "es": (
        "Hola, en este momento no podemos atender su llamada.",
        "Por favor, deje su nombre y su número después de la señal y le llamaremos pronto.",
        "Ha llamado a nuestra oficina. El horario es de nueve a seis, de lunes a viernes.",
        "El teléfono al que llama está apagado o fuera de cobertura en este momento.",
        "¿Quién habla? No le oigo muy bien, llámeme mañana por la tarde.",
    ),
    "fr": (
        "Bonjour, vous êtes bien chez nous, mais nous sommes absents pour le moment.",
        "Merci de laisser un message après le bip sonore, nous vous rappellerons.",
        "Votre correspondant n'est pas disponible. Veuillez laisser votre nom et votre numéro.",
        "Nos bureaux sont ouverts du lundi au vendredi, de neuf heures à dix-sept heures.",
        "Allô? Oui, c'est moi. Écoutez, je suis en voiture, rappelez-moi ce soir.",
    ),
    "de": (
        "Guten Tag, Sie haben die Mailbox unseres Büros erreicht.",
        "Wir sind im Augenblick nicht zu sprechen. Bitte hinterlassen Sie eine Nachricht nach dem Signalton.",
        "Der gewünschte Gesprächspartner ist zur Zeit nicht erreichbar.",
        "Unsere Sprechzeiten sind montags bis freitags von acht bis sechzehn Uhr.",
        "Hallo? Ja, wer ist denn da? Rufen Sie doch morgen noch einmal an.",
    ),
    "it": (
        "Buongiorno, avete chiamato il nostro ufficio. Al momento non possiamo rispondere.",
        "Lasciate un messaggio dopo il segnale acustico e vi richiameremo.",
        "Il cliente da lei chiamato non è al momento raggiungibile.",
        "Siamo aperti dal lunedì al venerdì, dalle nove alle diciotto.",
        "Pronto? Chi parla? Guardi, la richiamo io fra un'ora.",
    ),
    "pt": (
        "Olá, você ligou para o nosso escritório. No momento não podemos atender.",
        "Deixe o seu recado após o sinal, com nome e telefone, e ligaremos de volta.",
        "A sua chamada está sendo encaminhada para a caixa postal.",
        "Alô? Quem está falando? Pode ligar mais tarde, por favor?",
    ),
    "ru": (
        "Здравствуйте, вы позвонили в наш офис. Сейчас мы не можем ответить.",
        "Пожалуйста, оставьте сообщение после сигнала, и мы вам перезвоним.",
        "Абонент временно недоступен. Попробуйте позвонить позже.",
        "Алло, кто это? Я вас плохо слышу, перезвоните вечером.",
    ),
    "pl": (
        "Dzień dobry, nie możemy teraz odebrać telefonu.",
        "Prosimy zostawić wiadomość po usłyszeniu sygnału, oddzwonimy.",
        "Abonent czasowo niedostępny. Prosimy zadzwonić później.",
        "Halo? Kto mówi? Oddzwonię za godzinę, dobrze?",
    ),
}


def sentences(language: str) -> tuple[str, ...]:
    """The sentences for an espeak-ng language such as ``pt-br``."""
    return SENTENCES[language.split("-")[0]]
