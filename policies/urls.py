"""Pages outside the admin: what a person holds, and the page of a tenant's own admins."""

from django.urls import path

from policies import own_page, tenant_page

urlpatterns = [
    path("access/", own_page.page, name="own"),
    path("access/grants/<int:grant_id>/<slug:verb>/", own_page.act, name="own-grant"),
    path("access/tokens/", own_page.issue_token, name="own-token"),
    path("access/tokens/<int:token_id>/revoke/", own_page.revoke_token, name="own-token-revoke"),
    path("tenant/<str:key>/", tenant_page.page, name="tenant"),
    path("tenant/<str:key>/consent/", tenant_page.say, name="tenant-consent"),
]
