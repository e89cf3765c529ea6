"""The formats of a report. That of a terminal is in the command line, which alone imports rich."""
