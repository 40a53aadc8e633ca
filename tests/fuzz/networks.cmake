ae_add_fuzz(NAME network_model DEPS core stats series detectors)
