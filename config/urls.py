"""The URLs of the whole console: the debug console at the root, the admin under its own path."""

from django.contrib import admin
from django.urls import include, path

from extdebug import views
from policies.desk import users
from policies.pages import sign_in

urlpatterns = [
    # Before the admin's own: there is one page to sign in, a sign-out cuts what is watched, a new
    # password is on record.
    path("admin/login/", sign_in.admin_door),
    path("admin/logout/", views.logout),
    path("admin/password_change/", admin.site.admin_view(users.own_password)),
    path("admin/", admin.site.urls),
    path("", include("policies.urls")),
    path("", include("extdebug.urls")),
]
