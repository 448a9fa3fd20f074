"""What happened: written as a row in the transaction of what happened, and told to subscribers, in order per account.

Below every feature: whoever changes something says so here, whoever must follow subscribes, neither calls the other.
"""

from engagerr.core.events.delivery import Delivered, Subscriber, deliver
from engagerr.core.events.events import Event, Events, emit, emit_about
from engagerr.core.events.tasks import Task, open_task, open_tasks, resolve_tasks

__all__ = [
    "Delivered",
    "Event",
    "Events",
    "Subscriber",
    "Task",
    "deliver",
    "emit",
    "emit_about",
    "open_task",
    "open_tasks",
    "resolve_tasks",
]
