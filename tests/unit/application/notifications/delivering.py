"""What worlds of deliveries share, to webhooks and to external systems."""

from dataclasses import dataclass, field

from tests.fakes.clock import FrozenClock
from tests.fakes.entities import FakeEntityRepository
from tests.fakes.events import FakeEventLog
from tests.fakes.mailer import FakeMailer
from tests.fakes.queue import FakeQueue
from tests.fakes.secrets import FakeSecrets
from tests.unit.application.notifications.fuse import Fuse
from usance.application.notifications.couriers import Courier
from usance.application.notifications.deliver_run import Deliverer, deliver_run
from usance.application.notifications.runs import RUN_TYPE, is_trial
from usance.application.notifications.stores import Stores
from usance.application.notifications.tell_disabled import Notice
from usance.resources.wire import Document

ORG = "0190a5d0-ac96-774b-bcce-b302099a8057"


@dataclass
class Delivering:
    """The fakes of an organization; `queue` has the deliveries that the world is about."""

    clock: FrozenClock = field(default_factory=FrozenClock)
    queue: FakeQueue = field(default_factory=FakeQueue)
    dead_letters: FakeQueue = field(default_factory=FakeQueue)
    mailer: FakeMailer = field(default_factory=FakeMailer)
    unsent: list[str] = field(default_factory=list)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)
    org: str = ORG
    fuse: Fuse = field(default_factory=Fuse)
    trials: list[tuple[Document, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.entities = FakeEntityRepository(self.clock)
        self.events = FakeEventLog(self.clock)

    def deliverer(self) -> Deliverer:
        """What delivers in this world."""
        raise NotImplementedError

    def stores_with(self, deliveries: FakeQueue, integrations: FakeQueue) -> Stores:
        """The stores, guarded by the fuse."""
        guard = self.fuse.guard
        return Stores(guard(self.entities), guard(self.events), guard(deliveries), guard(integrations), self.clock)

    def deliverer_by(self, stores: Stores, courier: Courier) -> Deliverer:
        """The deliverer with a courier, guarded by the fuse."""
        notice = Notice(self.entities, self.clock, self.mailer, lambda id_, _: self.unsent.append(id_))
        return Deliverer(stores, courier, self.fuse.guard(self.dead_letters), notice)

    def work(self, *, rounds: int = 200) -> None:
        """Take messages as the queue would bring them, each after its delay, until none is left but those of trials."""
        for _ in range(rounds):
            taken = [one for one in self.queue.take() if not self._put_aside(*one)]
            if not taken:
                return
            for message, delay in taken:
                self.clock.advance(seconds=delay)
                deliver_run(message["orgId"], message["runId"], self.deliverer(), message.get("timesHeld", 0))
        raise AssertionError("the queue never runs dry")

    def _put_aside(self, message: Document, delay: int) -> bool:
        """Whether a message is of a trial, which is due in hours."""
        run = self.entities.get(message["orgId"], RUN_TYPE, message["runId"])
        if run is None or not is_trial(run):
            return False
        self.trials.append((message, delay))
        return True

    def runs(self) -> list[Document]:
        """Every integration run, newest first."""
        return list(self.entities.list_all(self.org, RUN_TYPE, filters={}))
