"""Networks that answer with a frozen dataclass, through Fabric, which can only convert dictionaries and tuples."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from torch import nn


class DictionaryOutput(nn.Module):
    """A network whose dataclass of tensors leaves as a dictionary; this is what Fabric wraps."""

    def __init__(self, network: nn.Module) -> None:
        """Take a network; its parameters are the same objects."""
        super().__init__()
        self.network = network
        self.kind: type | None = None

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """The network's answer; a dataclass as a dictionary of its fields."""
        answer = self.network(*inputs, **named)
        if not is_dataclass(answer):
            return answer
        self.kind = type(answer)
        return {field.name: getattr(answer, field.name) for field in fields(answer)}


class DataclassOutput(nn.Module):
    """What a recipe's loss calls: Fabric's wrapping of an `DictionaryOutput`, answering with the dataclass again."""

    def __init__(self, wrapped: nn.Module, opened: DictionaryOutput) -> None:
        """Take both ends of the wrapping."""
        super().__init__()
        self.wrapped, self.opened = wrapped, opened

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """The network's own answer, under Fabric's precision and on its devices."""
        answer = self.wrapped(*inputs, **named)
        return self.opened.kind(**answer) if self.opened.kind else answer
