"""Pages outside the admin: what a person holds, and the page of a tenant's own admins."""

from django.urls import path

from policies.pages import own, provider_sign_in, second_factor, tenant

urlpatterns = [
    path("login/provider/", provider_sign_in.begin, name="oidc-begin"),
    path("login/provider/out/", provider_sign_in.sign_out, name="oidc-sign-out"),
    path("login/provider/callback/", provider_sign_in.callback, name="oidc-callback"),
    path("access/", own.page, name="own"),
    path("access/grants/<int:grant_id>/<slug:verb>/", own.act, name="own-grant"),
    path("access/tokens/", own.issue_token, name="own-token"),
    path("access/tokens/<int:token_id>/revoke/", own.revoke_token, name="own-token-revoke"),
    path("access/second-factor/", second_factor.page, name="second-factor"),
    path("access/second-factor/confirm/", second_factor.confirm, name="second-factor-confirm"),
    path("access/second-factor/<slug:verb>/", second_factor.change, name="second-factor-change"),
    path("tenant/<str:key>/", tenant.page, name="tenant"),
    path("tenant/<str:key>/consent/", tenant.say, name="tenant-consent"),
]
