"""The process's configuration: the only reader of the environment, URLs, ASGI, CSP and checks."""
