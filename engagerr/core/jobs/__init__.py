"""The schedule: a table of jobs, each run by a person, by cron, or by the process that leads `engagerr job start`."""

from engagerr.core.jobs.builtin import JOBS, Job, Stopped
from engagerr.core.jobs.jobs import JobResult, JobRow, JobRunning, Jobs

__all__ = ["JOBS", "Job", "JobResult", "JobRow", "JobRunning", "Jobs", "Stopped"]
