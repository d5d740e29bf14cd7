"""The pages of handoffs, under /handoff/."""

from django.urls import path

from handoffs.views import answers, drafting, index, new, report

urlpatterns = [
    path("", index.index, name="handoffs"),
    path("new/", new.new, name="handoff_new"),
    path("<int:pk>/", report.handoff, name="handoff"),
    path("<int:pk>/save/", drafting.save, name="handoff_save"),
    path("<int:pk>/fill/", drafting.fill, name="handoff_fill"),
    path("<int:pk>/send/", drafting.send, name="handoff_send"),
    path("<int:pk>/withdraw/", answers.withdraw, name="handoff_withdraw"),
    path("<int:pk>/accept-all/", answers.accept_all, name="handoff_accept_all"),
    path("<int:pk>/acknowledge/", answers.read, name="handoff_acknowledge"),
    path("<int:pk>/lines/<int:number>/<slug:choice>/", answers.answer, name="handoff_answer"),
]
