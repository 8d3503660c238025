from sandbox.main import app

app(prog_name="perisai")
