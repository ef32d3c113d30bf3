"""Say what the keys of the networks and objectives mean, which their classes do not document."""

WORDS = {
    "train.network.encoder.name": "the encoder",
    "train.network.encoder.weights": (
        "`imagenet`, `none`, or the path of a file: for `efficientnet_lite0` a torch state dict in the "
        "legacy format (`_use_new_zipfile_serialization=False`), "
        "else a Keras `.weights.h5` of the same encoder. `unet` always starts from scratch"
    ),
    "train.network.encoder.base": "`unet` only: channels at full resolution, doubled at each level",
    "train.network.encoder.depth": "`unet` only: how often it halves the resolution",
    "train.network.encoder.trainable": (
        "whether training changes the encoder. `false` keeps its weights and its batch-norm statistics as they "
        "are and trains the decoder alone, in about half the time "
        "([how to](../how-to/small-machine.md)); it needs a pretrained encoder, and "
        "`train.optimizer.encoder_lr_mult` then has no effect"
    ),
    "train.network.decoder_width": "channels of the finest decoder block, doubled at each level",
    "train.network.decoder_max_width": "the most channels that a decoder block may have",
    "train.network.decoder_convolutions": "convolutions per decoder level",
    "train.network.decoder_convolution": "the kind of the decoder's convolutions",
    "train.network.upsampling": "how the decoder doubles the resolution",
    "train.network.output_stride": (
        "the stride at which logits are computed; they are then up-sampled to the input size"
    ),
    "train.network.dropout": (
        "share of the deepest feature's channels dropped in training, and by `query.strategy: bald`"
    ),
    "train.network.bn_momentum": (
        "momentum of batch norm's moving averages; a high one lags behind in short schedules"
    ),
    "train.discriminator.base": "channels are 1x, 2x, 4x and 8x this, then 1",
    "train.discriminator.leaky_slope": "slope of LeakyReLU below zero",
    "train.discriminator.sees_image": "also give it the image, as in s4GAN (Mittal et al., 2019)",
    "train.objectives.supervised": "weight of the cross-entropy on labeled pixels",
    "train.objectives.class_weights": (
        "how classes are weighted in the cross-entropy: `log` is ENet's 1 / ln(c + share) (Paszke et al., "
        "2016), scaled to a mean of 1 over pixels"
    ),
    "train.objectives.class_weights_offset": (
        "ENet's c in `log`: the larger, the more equal the weights. A class with a hundredth of the "
        "pixels counts ten times as much as one with a third at 1.02, three times at 1.1"
    ),
    "train.objectives.dice": "weight of the soft Dice loss on labeled pixels",
    "train.objectives.adversarial_labeled": (
        "weight of the adversarial loss on labeled images (AdvSemiSeg, Hung et al., 2018)"
    ),
    "train.objectives.adversarial_unlabeled": "the same, on unlabeled images",
    "train.objectives.semi_supervised": (
        "weight of self-training on pixels that the discriminator trusts (AdvSemiSeg)"
    ),
    "train.objectives.semi_supervised_threshold": (
        "trust pixels where the discriminator's sigmoid is above this"
    ),
    "train.objectives.semi_supervised_start": "share of the steps after which self-training counts",
    "train.objectives.feature_consistency": (
        "weight of the same with half of each feature's channels dropped (UniMatch, section 3.2)"
    ),
    "train.objectives.consistency_threshold": (
        "confidence of the teacher below which pixels do not count"
    ),
    "train.objectives.consistency_start": "share of the steps after which consistency counts",
    "train.optimizer.name": "the optimizer of the generator",
    "train.optimizer.learning_rate": "the highest learning rate of the generator",
    "train.optimizer.schedule": "how the learning rate decreases",
    "train.optimizer.power": "the power of `poly` (DeepLab, Chen et al., 2017)",
    "train.optimizer.warmup_steps": "steps over which the learning rate rises from zero",
    "train.optimizer.clip_norm": "largest norm of all gradients together; they are clipped to it",
    "train.discriminator_learning_rate": "the learning rate of the discriminator's Adam (AdvSemiSeg)",
}
