"""Channels: one file each; they convert in, call the engine, convert out."""
