"""Benchmarks: ratios against the literal baseline, one command each."""
