"""Mutation testing: small faults are planted in the core, one at a time, and the tests are to notice each.

`changes` says which faults, `source` where they can be planted in a module, `targets` which modules and which tests,
`trial` what happens in a child process that carries one fault, `trials` starts these processes, two at a time. Nothing is
written into the working tree: a child imports the faulty module from memory. ``python -m benchmarks.mutants --help``.
"""
