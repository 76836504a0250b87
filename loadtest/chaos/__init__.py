"""Faults against the running engine, and a ledger that says whether anything was lost or counted twice."""
