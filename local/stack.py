"""One running stack: everything of the plan, between a live store and an HTTP port."""

import functools
import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from local import aws, buckets, first_start
from local.checkpoints import Checkpoints
from local.control import Control, withdraw
from local.gateway import Gateway
from local.intrinsics import Resolver
from local.names import Names
from local.plan import Plan, read_plan
from local.queues import QueueDelivery
from local.resources import create_resources
from local.schedules import Scheduler
from local.store import Store
from local.streams import StreamDelivery
from local.template import Template
from local.workers import Workers

_LOG: Final = logging.getLogger("local.stack")
_WARM_SECONDS: Final = 1  # a machine with other work is ready all the same; its first requests take longer
_DRAIN_SECONDS: Final = 10
_JOIN_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Options:
    """How to run a template."""

    template: Template
    data_dir: Path
    credentials: Path | None
    port: int = 8700
    host: str = "127.0.0.1"
    concurrency: int = 4
    functions_endpoint: str | None = None  # how functions reach the store; a proxy between them may record or disturb
    parameters: Mapping[str, str] = field(default_factory=dict)


class Stack:
    """A stack that was started; `stop` it."""

    def __init__(self, options: Options, store: Store) -> None:
        """Make what the store lacks and begin to answer and to deliver."""
        self._options = options
        self._clients = functools.cache(lambda service: aws.client(service, store.endpoint))
        self.plan = self._create()
        self._workers = Workers(
            self.plan.functions,
            {"AWS_ENDPOINT_URL": options.functions_endpoint or store.endpoint},
            options.data_dir / "logs",
            options.concurrency,
        )
        self._gateway = Gateway(self.plan, self._workers, options.host, options.port)
        self.base_url = f"http://{options.host}:{self._gateway.port}"
        self._workers.tell("API_URL", self.base_url)
        buckets.configure(self.plan.buckets, self._clients)
        self._queues = self._deliveries()
        checkpoints = Checkpoints(options.data_dir / "checkpoints.json")
        self._streams = [StreamDelivery(one, self._clients, self._invoke, checkpoints) for one in self.plan.streams]
        self._scheduler = Scheduler(self.plan.schedules, self._invoke)
        self._control = Control(
            {"fire": self._fire, "invoke": self._invoke_named, "status": self._status, "settle": self._settle}
        )

    def start(self) -> None:
        """Answer, deliver, and write the credentials once the stack is ready."""
        self._gateway.start()
        self._control.start()
        for queue in self._queues:
            queue.start()
        for stream in self._streams:
            stream.start()
        self._scheduler.start()
        warming = threading.Thread(target=self._workers.warm, args=(self._answering(),), daemon=True)
        warming.start()
        if self._options.credentials is not None and first_start.ADMIN in self.plan.functions:
            record = self._options.data_dir / "first_start.json"
            known = first_start.ensure_organization(record, self._workers.invoke)
            warming.join(_WARM_SECONDS)
            first_start.write_credentials(self._options.credentials, self.base_url, known)
        warming.join(_WARM_SECONDS)
        self._control.announce(self._options.data_dir, os.getpid(), self.base_url)

    def stop(self) -> None:
        """Answer what was asked, deliver what the streams hold, end the workers."""
        withdraw(self._options.data_dir)
        self._gateway.close()
        self._scheduler.stop(_JOIN_SECONDS)
        for queue in self._queues:
            queue.stop()
        late = [one for one in self._queues if not one.join(_JOIN_SECONDS)]
        late_streams = [one for one in self._streams if not one.drain(_DRAIN_SECONDS)]
        for stream in self._streams:
            stream.stop()
            stream.join(_JOIN_SECONDS)
        if late or late_streams:
            _LOG.warning("stopped before everything was delivered; the rest is delivered at the next start")
        self._workers.close()

    def _create(self) -> Plan:
        names = Names(self._options.template, "")
        resolver = Resolver(self._options.template, names, self._options.parameters)
        create_resources(self._options.template, resolver, names, self._clients)
        return read_plan(self._options.template, resolver, names)

    def _deliveries(self) -> list[QueueDelivery]:
        folder = self._options.data_dir / "in-flight"
        folder.mkdir(exist_ok=True)
        sqs = self._clients("sqs")
        concurrency = self._options.concurrency
        plain = [QueueDelivery(one, sqs, self._invoke, concurrency, folder) for one in self.plan.queues]
        return plain + [buckets.delivery(one, sqs, self._invoke, folder) for one in self.plan.buckets]

    def _answering(self) -> list[str]:
        """The functions that a client waits for."""
        routed = {route.function for route in self.plan.routes}
        return sorted(routed | {authorizer.function for authorizer in self.plan.authorizers.values()})

    def _invoke(self, function: str, event: Any, wait_seconds: float) -> Any:
        return self._workers.invoke(function, event, wait_seconds)

    def _fire(self, arguments: Mapping[str, Any]) -> Any:
        return self._scheduler.fire(arguments["schedule"], datetime.fromisoformat(arguments["time"]))

    def _invoke_named(self, arguments: Mapping[str, Any]) -> Any:
        if arguments["function"] not in self.plan.functions:
            known = ", ".join(sorted(self.plan.functions))
            message = f"there is no function {arguments['function']}; the template has {known}"
            raise LookupError(message)
        return self._workers.invoke(arguments["function"], arguments["event"])

    def _status(self, _arguments: Mapping[str, Any]) -> Any:
        return {
            "base_url": self.base_url,
            "functions": {name: self._workers.pool(name).pids for name in sorted(self.plan.functions)},
            "queues": {one.queue: self._depth(one.queue) for one in self.plan.queues},
            "streams": {one.source.table: {"delivering": one.busy} for one in self._streams},
        }

    def _depth(self, queue: str) -> dict[str, int]:
        sqs = self._clients("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        waiting, in_flight, delayed = (int(counts.get(name, 0)) for name in names)
        return {"waiting": waiting, "in_flight": in_flight, "delayed": delayed}

    def _settle(self, arguments: Mapping[str, Any]) -> Any:
        """Wait until no message waits, none is worked on and the streams are read to their end."""
        deadline = time.monotonic() + float(arguments.get("seconds", 60))
        quiet = 0
        while quiet < 3 and time.monotonic() < deadline:  # noqa: PLR2004 -- work may be between two places at one look
            depths = [self._depth(one.queue) for one in self.plan.queues]
            waiting = any(depth["waiting"] for depth in depths)
            busy = any(one.busy for one in self._queues) or any(one.busy for one in self._streams)
            quiet = 0 if waiting or busy else quiet + 1
            time.sleep(0.1)
        return {"settled": quiet >= 3}  # noqa: PLR2004
