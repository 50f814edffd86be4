"""The URLs of the whole console: the debug console at the root, the admin under its own path."""

from django.contrib import admin
from django.urls import include, path

from extdebug import views

urlpatterns = [
    # Before the admin's own, which would leave the person's live sessions open for a moment.
    path("admin/logout/", views.logout),
    path("admin/", admin.site.urls),
    path("", include("policies.urls")),
    path("", include("extdebug.urls")),
]
