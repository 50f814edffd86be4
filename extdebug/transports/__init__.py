"""How a session's messages travel: WebSocket, SSE, polling and the terminal."""
