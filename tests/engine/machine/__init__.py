"""A machine that edits programs and runs commands through the real engine, and a model that judges what came of it."""
