"""What every Perisai service needs and no service owns."""
