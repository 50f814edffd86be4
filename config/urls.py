"""The URLs of the whole console: the debug console at the root, the admin under its own path."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls), path("", include("extdebug.urls"))]
