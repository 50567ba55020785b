"""The cores of relay and consumer in one process, with a simulated clock, broker and store: a thousand histories in a minute."""
