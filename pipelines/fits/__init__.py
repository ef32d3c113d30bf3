"""Fits of an experiment: planned under a key, run in processes of their own, stored, tracked."""
