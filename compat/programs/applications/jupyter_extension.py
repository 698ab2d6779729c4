"""An extension of Jupyter's server: pages that say where it runs."""

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado.web import authenticated

from programs.applications.place import busy, here


class Loop(JupyterHandler):
    @authenticated
    async def get(self):
        self.finish(here())


class Busy(JupyterHandler):
    @authenticated
    async def get(self):
        self.finish(busy())


def _jupyter_server_extension_points():
    return [{"module": __name__}]


def _load_jupyter_server_extension(server):
    base = server.web_app.settings["base_url"]
    handlers = [(url_path_join(base, path), cls) for path, cls in (("loop", Loop), ("busy", Busy))]
    server.web_app.add_handlers(".*$", handlers)
