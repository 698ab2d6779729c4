"""A Django project in one file: asynchronous views, and one that Django runs in a thread."""

import threading

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from programs.applications.place import busy, here

settings.configure(
    ALLOWED_HOSTS=["*"], DEBUG=False, ROOT_URLCONF=__name__, SECRET_KEY="for this run alone"
)


async def loop(request):
    return JsonResponse(here())


async def keep_busy(request):
    return JsonResponse(busy())


@csrf_exempt
async def echo(request):
    return HttpResponse(request.body)


def in_a_thread(request):
    async def place():
        return here()

    # The view has a thread of its own, and asks the loop that serves it.
    place_of_the_server = async_to_sync(place)()
    is_main = threading.current_thread() is threading.main_thread()
    return JsonResponse({**place_of_the_server, "main thread": is_main})


urlpatterns = [
    path("loop", loop),
    path("busy", keep_busy),
    path("echo", echo),
    path("thread", in_a_thread),
]

app = get_asgi_application()
