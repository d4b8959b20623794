"""Methods that train a one-step policy; one file and one `config/distiller/*.yaml` each."""
