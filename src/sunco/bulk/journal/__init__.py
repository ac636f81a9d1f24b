"""Journals: the durable record of a job."""
