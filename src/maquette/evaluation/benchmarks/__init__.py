"""One file per published or own protocol; the rows are in evaluation/tasks.py."""
