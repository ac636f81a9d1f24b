"""What happens to the records: functions that change them and announce the events."""
