"""AID (arXiv 2406.06465) in PyTorch: the independent judge of the TypeScript network.

The backbone, the autoencoder and CLIP are diffusers' and transformers' own classes; DQFormer, the
adapters, dual guidance and the training objective are written from the design and the paper.
"""
