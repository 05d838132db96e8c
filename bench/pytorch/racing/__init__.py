"""What the racing scripts share: the protocol with a driver, and random inputs in a model's shapes."""
