"""The one OpenAPI document of the platform, made from what each process says of its routes.

It is made when the platform is set up or an image is built, and the gateway serves it. It is here
because only the sandbox may import the gateway and all services.
"""
