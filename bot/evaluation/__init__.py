"""How good the desk is: suites of cases, their checks, figures with intervals, kept runs, and public data sets."""
