"""The server's settings for this machine: memory, cores, closed doors, and a log that holds no one's data."""

from __future__ import annotations

import os
from pathlib import Path

from engagerr.core.db.embedded.postmaster import PORT

_MB = 1024 * 1024


def configuration(socket_dir: Path, *, durable: bool) -> str:
    """The settings for this machine, as PostgreSQL's configuration file wants them."""
    memory = _memory_bytes()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
    listed = '"' + str(socket_dir).replace('"', '""') + '"'
    settings: dict[str, str | int] = {
        "listen_addresses": "",
        "port": PORT,
        "unix_socket_directories": listed,
        "unix_socket_permissions": "0700",
        "max_connections": 60,
        "password_encryption": "scram-sha-256",
        "shared_buffers": f"{_clamp(memory // 8, 128, 2048)}MB",
        "effective_cache_size": f"{_clamp(memory // 2, 128, 1 << 20)}MB",
        "maintenance_work_mem": f"{_clamp(memory // 16, 64, 1024)}MB",
        "work_mem": "32MB",
        "wal_buffers": "16MB",
        "max_wal_size": "4GB",
        "wal_compression": "pglz",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "effective_io_concurrency": 64,
        "max_worker_processes": max(8, cores),
        "max_parallel_workers": cores,
        "max_parallel_workers_per_gather": _parallel_workers(cores),
        "max_parallel_maintenance_workers": _parallel_workers(cores),
        "timezone": "UTC",
        "idle_in_transaction_session_timeout": "10min",
        "log_destination": "stderr",
        "logging_collector": "on",
        "log_directory": "log",
        "log_filename": "postgres-%Y-%m-%d_%H%M%S.log",
        "log_rotation_age": "1d",
        "log_rotation_size": "10MB",
        "log_timezone": "UTC",
        "log_statement": "none",
        # People's data stays out of the log: no statements, no values of violated keys. The caller gets both.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    lines = [f"{name} = '{_escaped(str(value))}'\n" for name, value in settings.items()]
    return "# Written by Engagerr at every start. Change a setting with ALTER SYSTEM instead.\n" + "".join(lines)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def _clamp(size_bytes: int, low_mb: int, high_mb: int) -> int:
    return max(low_mb, min(high_mb, size_bytes // _MB))


def _memory_bytes() -> int:
    """The machine's memory, or the limit of our control group (v2) or of one above it, whichever is less."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        groups = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return memory
    for line in groups:
        if line.startswith("0::"):
            group = Path("/sys/fs/cgroup") / line[3:].lstrip("/")
            for folder in (group, *group.parents):
                try:
                    limit = (folder / "memory.max").read_text().strip()
                except OSError:
                    continue
                memory = min(memory, int(limit)) if limit.isdigit() else memory
    return memory


def _parallel_workers(cores: int) -> int:
    """Half the cores, four at most; none where /dev/shm is as small as Docker makes it: workers share memory there."""
    try:
        shared = os.statvfs("/dev/shm")  # noqa: S108 - only asked for its size
        if shared.f_blocks * shared.f_frsize < 256 * _MB:
            return 0
    except OSError:
        pass
    return max(1, min(4, cores // 2))
