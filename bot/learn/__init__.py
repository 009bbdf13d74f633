"""How the project's own models are trained: data in, weights out. Nothing else imports it but the command line."""
