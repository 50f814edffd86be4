"""Static files: hashed names, and a middleware that serves them without leaving the event loop."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):
    """WhiteNoise's storage that also rewrites `import ... from "./x.js"` to the hashed name.

    Without it a cached `connection.js` of yesterday would run beside today's `rows.js`.
    """

    support_js_module_import_aggregation = True


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise for ASGI.

    The original is synchronous, which sends every request through a worker thread, and streams
    files from a blocking iterator, which Django warns about. Ours are small: read whole.
    """

    async_capable = True
    sync_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        super().__init__(get_response)
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def add_files(self, root: str | Path, prefix: str | None = None) -> None:
        """No STATIC_ROOT yet is normal before `collectstatic`, not worth a warning."""
        if Path(root).is_dir():
            super().add_files(str(root), prefix=prefix)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self._async(request)
        response: HttpResponseBase = super().__call__(request)
        return response

    async def _async(self, request: HttpRequest) -> HttpResponseBase:
        response = super().__call__(request)
        return response if isinstance(response, HttpResponseBase) else await response

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        """The file, a 304 or a range of it, as a response with its whole body."""
        found = static_file.get_response(request.method, request.META)
        body = b""
        if found.file is not None:
            with found.file:
                body = found.file.read()
        response = HttpResponse(body, status=int(found.status))
        del response["Content-Type"]
        for name, value in found.headers:
            response[name] = value
        return response
