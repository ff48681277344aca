"""The supervisor: takes calls in, gives each a task, and brings everything to an orderly end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

import structlog

from voicedrop import needs
from voicedrop.ari.connection import EventConnection
from voicedrop.ari.events import AppReplaced, AriEvent, StasisStart
from voicedrop.call import events as ev
from voicedrop.call.states import S as DropState
from voicedrop.control import Refused
from voicedrop.engine.asking import Asker
from voicedrop.engine.bridged import BridgedCall
from voicedrop.engine.dialled import Grants, named, take_leg
from voicedrop.engine.drop import DropRunner
from voicedrop.engine.recovery import recover
from voicedrop.engine.services import AGENT_APP, DROP_APP, Services, quietly
from voicedrop.errors import AriError, VoicedropError
from voicedrop.model import prefix

log = structlog.get_logger(__name__)

APPS = (AGENT_APP, DROP_APP)
NOISE = ["ChannelVarset", "ChannelDialplan", "ChannelCallerId", "ChannelConnectedLine"]
HAND_OVER_TIMEOUT_S = 5.0


class Engine:
    """Runs until `stop` is called or a fault that cannot be waited out is raised."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.connection = EventConnection(
            services.ari, APPS, on_event=self._on_event, on_up=self._on_up, on_down=self._on_down
        )
        self.asker = Asker(services, self.busy)
        self.grants = Grants()
        self.drops: dict[str, DropRunner] = {}
        self.calls: dict[str, BridgedCall] = {}
        self.stopping = False
        self.replaced = False
        """Another engine has our applications: Asterisk sends its events there."""
        self.let_go: set[str] = set()
        """Channels that entered before we were there, and went on without us."""
        self.opt_out: Callable[[str], Awaitable[bool]] | None = None
        """Takes a number out; False: it could not be done."""
        self.end_opted_out: Callable[[Sequence[DropRunner]], Coroutine[Any, Any, None]] | None = None
        """Ends those of these drops whose number has been put on the suppression list."""
        self._stop = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._recovered = False
        self._drained = False

    def stop(self) -> None:
        """Begin the orderly end; `run` returns when it is reached."""
        self._stop.set()

    async def run(self) -> None:
        """
        Raises:
            VoicedropError: the login is wrong, another engine took our applications, and the like.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                reading = tasks.create_task(self.connection.run(), name="events")
                await self._stop.wait()
                await self._drain()
                # What is left are agents' calls: their legs stay joined, and the next run adopts them.
                for call in self.calls.values():
                    call.let_be()
                reading.cancel()
        except BaseExceptionGroup as group:
            fault = group.split(VoicedropError)[0]
            if fault is None:
                raise
            raise _first(fault) from group

    async def _drain(self) -> None:
        """Drops that play finish; those that wait get the grace time, then the dialplan has the leg."""
        self.stopping = True
        grace = self.services.settings.shutdown.grace_s
        log.info("stopping", drops=len(self.drops), calls=len(self.calls), grace_s=grace)
        loop = asyncio.get_running_loop()
        until = loop.time() + grace
        while self.drops and loop.time() < until:
            await asyncio.wait(
                [drop.ended for drop in self.drops.values()],
                timeout=until - loop.time(),
                return_when=asyncio.FIRST_COMPLETED,
            )
        self._drained = True
        for drop in self.drops.values():
            drop.post(ev.HandOver())
        playing = [d for d in self.drops.values() if d.machine.state > DropState.WAITING]
        longest = max((d.message.duration_s for d in playing), default=0.0)
        if self.drops:
            await asyncio.wait([drop.ended for drop in self.drops.values()], timeout=longest + HAND_OVER_TIMEOUT_S)

    # -- calls in -----------------------------------------------------------------------------------

    def _on_event(self, event: AriEvent) -> None:
        if self.services.router.deliver(event) or not self.let_go.isdisjoint(event.about):
            return
        match event:
            case StasisStart(app=app, args=("dial", *_)) if app == AGENT_APP:
                self._spawn(self._take_call(event), "take call")
            case StasisStart(app=app, args=("optout", *_)) if app == AGENT_APP:
                self._spawn(self._opt_out(event), "opt-out")
            case StasisStart(app=app) if app == DROP_APP:
                self._spawn(take_leg(self, event), "take leg")
            case StasisStart() if event.channel_id.startswith(prefix(self.services.settings.node)):
                # Made by a request that we had given up on.
                self._spawn(quietly(self.services.ari.hang_up(event.channel_id)), "orphan")
            case StasisStart():
                log.warning("entry_not_understood", app=event.app, args=list(event.args))
                self._spawn(quietly(self.services.ari.continue_dialplan(event.channel_id)), "let go")
            case AppReplaced(app=app):
                self.replaced = True
                log.error("application_taken", app=app, hint="another engine has connected to this Asterisk: stop one")

    async def _take_call(self, event: StasisStart) -> None:
        """The ARI-bridged door: Stasis(voicedrop,dial,NUMBER[,agent=…][,ref=…])."""
        if self.stopping:
            # The dialplan's own Dial() takes the call, as when the engine is down.
            await self._to_plain_dial(event)
            return
        number = event.args[1] if len(event.args) > 1 else ""
        args = named(event.args[2:])
        call = BridgedCall(
            self.services,
            agent_channel=event.channel_id,
            agent=args.get("agent") or _endpoint(event.channel),
            number=number,
            ref=args.get("ref", ""),
            start_drop=self.start_drop,
            asker=self.asker,
        )
        await self.run_call(call)

    async def run_call(self, call: BridgedCall, *, adopted: bool = False) -> None:
        self.calls[call.call_id] = call
        try:
            await call.run(adopted=adopted)
        except Exception:  # a fault of ours must not leave two legs in silence
            log.exception("call_broken", call=call.call_id)
            await quietly(self.services.ari.hang_up(call.agent.channel))
            await quietly(self.services.ari.hang_up(call.callee_channel))
        finally:
            del self.calls[call.call_id]

    async def _opt_out(self, event: StasisStart) -> None:
        """The opt-out line: Stasis(voicedrop,optout,NUMBER). The dialplan tells the caller what came of it."""
        number = event.args[1] if len(event.args) > 1 else ""
        taken = self.opt_out is not None and await self.opt_out(number)
        label = "" if taken else "failed"
        await quietly(self.services.ari.continue_dialplan(event.channel_id, label=label))

    def busy(self) -> Refused | None:
        """Why no further drop can be accepted; None when one can."""
        if self.stopping:
            return Refused("stopping", "the engine is stopping")
        most = self.services.settings.drop.max_active
        return Refused("busy", f"{most} drops are under way already") if len(self.drops) >= most else None

    def expect_drop(self, drop: DropRunner) -> None:
        """It is being accepted: it counts, it is shown, and whoever cancels it is heard."""
        self.drops[drop.what.drop] = drop

    def forget_drop(self, drop: DropRunner) -> None:
        """It was not accepted."""
        del self.drops[drop.what.drop]
        drop.ended.set_result(None)

    async def start_drop(self, drop: DropRunner) -> None:
        """Give an accepted drop a task of its own."""
        self.drops[drop.what.drop] = drop
        self._spawn(self._run_drop(drop), f"drop {drop.what.drop}")
        if self._drained:
            drop.post(ev.HandOver())
        if self.end_opted_out is not None:
            # An opt-out since it was granted found no drop under way.
            self._spawn(self.end_opted_out([drop]), f"opted out {drop.what.drop}")

    async def _run_drop(self, drop: DropRunner) -> None:
        try:
            await drop.run()
        except Exception as error:  # a fault of ours must not leave a leg up or a drop without a receipt
            log.exception("drop_broken", drop=drop.what.drop)
            await quietly(self.services.ari.hang_up(drop.what.channel))
            await drop.write_off(f"a fault in the engine: {error!r}")
        finally:
            del self.drops[drop.what.drop]
            drop.ended.set_result(None)

    # -- the connection to Asterisk -----------------------------------------------------------------

    async def _on_up(self) -> None:
        services, ari = self.services, self.services.ari
        self.replaced = False
        await self._look_for_modules()
        for app in APPS:
            await ari.drop_events(app, NOISE)
        await ari.set_global("VOICEDROP_LIMIT_S", str(services.settings.drop.limit_s))
        if not self._recovered:
            await recover(self)
            self._recovered = True
            services.metrics.ari_up.set(1)
            return
        channels = frozenset(str(channel["id"]) for channel in await ari.channels())
        for drop in list(self.drops.values()):
            await drop.reconcile(channels)
        for call in list(self.calls.values()):
            await call.reconcile(channels)
        services.metrics.ari_up.set(1)

    async def _look_for_modules(self) -> None:
        """Say at once what would otherwise show in the middle of a call. They may still be loading: only say it."""
        running = {name for name, status in (await self.services.ari.modules()).items() if status == "Running"}
        for name, purpose in needs.modules(self.services.settings).items():
            if name not in running:
                log.error("module_missing", module=name, purpose=purpose, hint=f"load it: module load {name}")

    def _on_down(self, reason: str) -> None:
        log.warning("events_lost", reason=reason)
        self.services.metrics.ari_up.set(0)
        for drop in self.drops.values():
            drop.post(ev.EventsLost())

    # -- small things -------------------------------------------------------------------------------

    def spawn_call(self, call: BridgedCall) -> None:
        self._spawn(self.run_call(call, adopted=True), f"call {call.call_id}")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        assert self._tasks is not None
        self._tasks.create_task(self._guarded(work, name), name=name)

    async def _guarded(self, work: Coroutine[Any, Any, None], name: str) -> None:
        try:
            await work
        except Exception:  # one call's fault must not end the others
            log.exception("task_broken", task=name)

    async def _to_plain_dial(self, event: StasisStart) -> None:
        try:
            await self.services.ari.continue_dialplan(event.channel_id, label="plain")
        except AriError:
            await quietly(self.services.ari.continue_dialplan(event.channel_id))


def _first(group: BaseExceptionGroup[VoicedropError]) -> VoicedropError:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _endpoint(channel: Mapping[str, Any]) -> str:
    """The endpoint's name out of a channel's: PJSIP/1001-0000002a."""
    return str(channel.get("name", "")).partition("/")[2].rpartition("-")[0]
