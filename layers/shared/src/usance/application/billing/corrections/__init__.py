"""Corrections of locked bills: what late or corrected usage would change, put onto an open bill when someone asks for it."""
