"""The pages of webhooks, under /webhooks/."""

from django.urls import path

from webhooks.views import acts, delivery, endpoint, endpoints

urlpatterns = [
    path("", endpoints.endpoints, name="webhooks"),
    path("new/", endpoints.new, name="webhook_new"),
    path("<int:pk>/", endpoint.endpoint, name="webhook"),
    path("<int:pk>/edit/", endpoints.edit, name="webhook_edit"),
    path("<int:pk>/deliveries/<int:number>/", delivery.delivery, name="webhook_delivery"),
    path("<int:pk>/deliveries/<int:number>/replay/", delivery.replay, name="webhook_replay_one"),
    path("<int:pk>/<slug:verb>/", acts.act, name="webhook_act"),
]
