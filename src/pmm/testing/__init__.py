"""Shipped with PMM, for tests of what is built on it: scripted stand-ins and the contracts of its ports. Nothing in PMM imports it."""

from pmm.clock import SimulatedClock
from pmm.testing.contracts import EventLogContract
from pmm.testing.counting import counting
from pmm.testing.embedders import EmbedderContract
from pmm.testing.logs import generate_log
from pmm.testing.models import ChatModelContract, Scripted, ScriptedModel

__all__ = [
    "ChatModelContract",
    "EmbedderContract",
    "EventLogContract",
    "Scripted",
    "ScriptedModel",
    "SimulatedClock",
    "counting",
    "generate_log",
]
