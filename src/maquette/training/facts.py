"""What a checkpoint remembers of how it came about, for the card of the published weights."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch


def facts(device: torch.device, devices: int) -> dict[str, str]:
    """Machine, versions and commit of this training, as text by name."""
    return {
        "device": f"{devices} x {device_name(device)}",
        "maquette": version("maquette"),
        "torch": str(torch.__version__),  # a class of its own, which a safe load refuses
        "python": platform.python_version(),
        "commit": commit(),
    }


def device_name(device: torch.device) -> str:
    """What people call this device, with the number of threads for a CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.machine()}, {torch.get_num_threads()} threads)"


def commit() -> str:
    """The commit of the checkout that runs, "+" if files differ from it; "unknown" outside a checkout."""
    here = Path(__file__).parent
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, timeout=10)
        state = subprocess.run(
            ["git", "status", "--porcelain", "-uno"], cwd=here, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    if head.returncode:
        return "unknown"
    return head.stdout.strip()[:12] + ("+" if state.stdout.strip() else "")
