"""The console's addresses."""

from django.urls import path

from extdebug import views
from extdebug.ops import health
from extdebug.transports import access_requests, api, directory_api
from policies.pages import sign_in

urlpatterns = [
    path("", views.home, name="home"),
    path("login/", sign_in.page, name="login"),
    path("logout/", views.logout, name="logout"),
    path("access/sessions/<uuid:session>/end/", views.end_session, name="own-session-end"),
    path("extensions/", views.extensions, name="extensions"),
    path("extensions/<str:extension>/debug", views.debug, name="debug"),
    path("msp/extensions/<str:extension>/debug", views.moved),
    path("ee/extensions/<str:extension>/debug", views.moved),
    path("api/ext-debug/stream", api.stream, name="stream"),
    path("api/ext-debug/ticket", api.ticket, name="ticket"),
    path("api/ext-debug/access", access_requests.access_status, name="access-status"),
    path("api/ext-debug/grants", access_requests.request_grant, name="request-grant"),
    path("api/ext-debug/grants/withdraw", access_requests.withdraw_request, name="withdraw-grant"),
    path("api/ext-debug/saved", api.lines_saved, name="lines-saved"),
    path("api/directory/", directory_api.directory, name="directory"),
    path("api/directory/<slug:section>/", directory_api.directory, name="directory-section"),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
]
