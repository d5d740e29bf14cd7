"""The pages of policies, under /policies/."""

from django.urls import path

from policies.views import draft, index, moving, policy, rules, trial_rows, trials

urlpatterns = [
    path("", index.index, name="policies"),
    path("<slug:slug>/", policy.policy, name="policy"),
    path("<slug:slug>/v/<int:number>/", policy.version, name="policy_version"),
    path("<slug:slug>/v/<int:number>/file/", policy.file, name="policy_file"),
    path("<slug:slug>/drafts/", draft.begin, name="draft_begin"),
    path("<slug:slug>/drafts/<int:pk>/", draft.draft, name="draft"),
    path("<slug:slug>/drafts/<int:pk>/file/", draft.edit, name="draft_file"),
    path("<slug:slug>/drafts/<int:pk>/rules/new/", rules.add, name="rule_add"),
    path("<slug:slug>/drafts/<int:pk>/rules/<int:number>/", rules.change, name="rule"),
    path(
        "<slug:slug>/drafts/<int:pk>/rules/<int:number>/remove/", rules.remove, name="rule_remove"
    ),
    path(
        "<slug:slug>/drafts/<int:pk>/rules/<int:number>/<slug:way>/", rules.move, name="rule_move"
    ),
    path("<slug:slug>/drafts/<int:pk>/<slug:verb>/", draft.act, name="draft_act"),
    path("<slug:slug>/simulate/", trials.ask, name="trial_ask"),
    path("<slug:slug>/simulations/<int:pk>/", trials.trial, name="trial"),
    path("<slug:slug>/simulations/<int:pk>/stop/", trials.stop, name="trial_stop"),
    path("<slug:slug>/simulations/<int:pk>/requests/", trial_rows.listed, name="trial_rows"),
    path(
        "<slug:slug>/simulations/<int:pk>/requests/export/", trial_rows.export, name="trial_export"
    ),
    path("<slug:slug>/move/", moving.moving, name="policy_move"),
]
