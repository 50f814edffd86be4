"""The URLs of the whole console: the debug console at the root, the admin under its own path."""

from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls)]
if find_spec("extdebug.urls"):
    urlpatterns.append(path("", include("extdebug.urls")))
