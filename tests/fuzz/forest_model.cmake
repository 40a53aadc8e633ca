ae_add_fuzz(NAME forest_model DEPS core series detectors)
