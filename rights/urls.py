"""The pages of who may do what, under /access/ and /people/."""

from django.urls import path

from rights.views import accounts, changes, matrix, people, review, teams

urlpatterns = [
    path("access/", matrix.index, name="access"),
    path("access/propose/", changes.propose, name="access_propose"),
    path("access/changes/", changes.index, name="access_changes"),
    path("access/changes/<int:pk>/", changes.change, name="access_change"),
    path("access/changes/<int:pk>/<slug:verb>/", changes.act, name="access_act"),
    path("access/review/", review.index, name="access_review"),
    path("access/review/file/", review.file, name="access_review_file"),
    path("access/queues/<slug:slug>/", matrix.edit, name="access_queue"),
    path("access/queues/<slug:slug>/<slug:right>/", matrix.who, name="access_who"),
    path("access/teams/<int:pk>/", teams.team, name="team"),
    path("access/teams/<int:pk>/ceiling/", teams.ceiling, name="ceiling"),
    path("access/teams/<int:pk>/second-factor/", teams.factor, name="team_factor"),
    path("people/", people.index, name="people"),
    path("people/new/", accounts.new, name="new_account"),
    path("people/<int:pk>/access/", people.person, name="person_access"),
    path("people/<int:pk>/seats/", people.choose_team, name="seats"),
    path("people/<int:pk>/seats/<int:team>/", people.seat, name="seat"),
    path("people/<int:pk>/address/", people.address, name="address"),
    path("people/<int:pk>/second-factor/", people.lost_factor, name="lost_factor"),
    path("people/<int:pk>/link/", accounts.send_link, name="password_link"),
    path("people/<int:pk>/end-sessions/", people.end_sessions, name="end_sessions"),
    path("people/<int:pk>/administration/", people.administration, name="administration"),
]
