"""The console's addresses."""

from django.contrib.auth.views import LoginView
from django.urls import path

from extdebug import views
from extdebug.ops import health
from extdebug.transports import api
from policies.pages import sign_in

urlpatterns = [
    path("", views.home, name="home"),
    path(
        "login/",
        sign_in.guarded(LoginView.as_view(redirect_authenticated_user=True)),
        name="login",
    ),
    path("logout/", views.logout, name="logout"),
    path("extensions/", views.extensions, name="extensions"),
    path("extensions/<str:extension>/debug", views.debug, name="debug"),
    path("msp/extensions/<str:extension>/debug", views.moved),
    path("ee/extensions/<str:extension>/debug", views.moved),
    path("api/ext-debug/stream", api.stream, name="stream"),
    path("api/ext-debug/ticket", api.ticket, name="ticket"),
    path("api/ext-debug/grants", api.request_grant, name="request-grant"),
    path("api/ext-debug/saved", api.lines_saved, name="lines-saved"),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
]
