"""ASGI layers for answers: compression, ETags, CORS."""
