"""The sections of the craft: what may be added to plain fine-tuning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from plaudit.config.section import Fraction, Section


class LoraConfig(Section):
    """Low-rank adapters: the encoder stays as it was, small matrices beside its own train."""

    rank: Annotated[int, Field(ge=0)] = 0
    """Rank of the adapters (Hu et al. 2022); 0: none, the weights themselves train. Needs the extra
    peft. They need a larger optim.lr (1e-3 was better than 2e-4) and more steps: on 2,000 reviews
    they lose 3 points, no gain (docs/results.md)."""
    alpha: Annotated[float, Field(gt=0.0)] = 16.0
    """Weight of the adapters, divided by their rank."""
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Dropout on what goes into the adapters."""
    targets: tuple[str, ...] | None = None
    """Which linear layers of each encoder layer get one, by the ends of their names; those of
    queries and values by default."""


class ImbalanceConfig(Section):
    """What is done about classes of unequal size."""

    method: Literal["none", "weights", "focal", "oversample", "undersample"] = "none"
    """weights: small classes count more; focal: texts that are right already count less;
    oversample: their texts come more than once; undersample: fewer of the large ones."""
    beta: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """Effective-number weights (weights, focal): 0 weighs all alike, 1 by inverse frequency, 0.999
    between (Cui et al. 2019). By default 1 for weights, 0 for focal."""
    gamma: Annotated[float, Field(ge=0.0)] = 2.0
    """How steeply texts that are right already lose weight (focal; Lin et al. 2017)."""
    ratio: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Texts of the smallest class to those of the largest, once resampled."""
    prior_correction: bool = False
    """Give the saved model's probabilities the classes' real shares back, which weights and
    resampling hide from it (Saerens et al. 2002)."""


class ContrastConfig(Section):
    """Few-shot: before training, vectors of texts of one label are drawn together (SetFit)."""

    steps: Annotated[int, Field(ge=0)] = 0
    """Steps of it, after which the head is fitted on the vectors by logistic regression (Tunstall
    et al. 2022). 0: none."""
    lr: Annotated[float, Field(gt=0.0)] = 2e-5
    """Learning rate of the top layer in these steps, constant."""
    texts: Annotated[int, Field(ge=4)] = 16
    """Texts of a step, as many of each label; two at least."""
    temperature: Annotated[float, Field(gt=0.0)] = 0.1
    """How much the nearest texts count over the others (Khosla et al. 2020)."""


class CotrainConfig(Section):
    """Few-shot: labels for the texts that split.per_class leaves without one, from a few words."""

    words: dict[str, list[str]] | None = None
    """Words that describe each label, such as {"good" = ["great"], "bad" = ["awful"]}. Texts that
    hold most of them teach a linear model of all other words and of pairs; what both are sure of is
    trained on (co-training, Blum and Mitchell 1998)."""
    texts: Annotated[int, Field(ge=1)] = 2000
    """Texts of each label to train on beside the labelled ones."""
    confident: Annotated[float, Field(gt=0.0, le=1.0)] = 0.75
    """Share of the unlabelled texts that counts as sure; those to train on are drawn from it."""


class NgramsConfig(Section):
    """A linear model of words and pairs of words beside the encoder, or in its place where it is
    sure; off by default.
    """

    weight: Annotated[float, Field(ge=0.0)] | Literal["fit"] = 0.0
    """What its logits count beside the encoder's. It reads whole texts and takes seconds to train
    (Wang and Manning 2012). fit: as validation has it; 0: nothing. About a point of accuracy
    (docs/results.md)."""
    cascade: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Let words answer in the encoder's place where they are sure: at most this share of the
    validation texts gets another label by it; of new texts more, twice as many where so few rows
    can just show it. 0: the encoder reads every text. 0.005 answers reviews about three times as
    fast (docs/measured.md)."""

    @property
    def any(self) -> bool:
        """Whether a model of words is to be trained."""
        return self.weight != 0.0 or self.cascade > 0.0


class CraftConfig(Section):
    """What a step does beyond the loss of its texts; all off by default."""

    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Share of the target spread evenly over all classes (Szegedy et al. 2016). On 2,000 reviews no
    gain (docs/results.md)."""
    rdrop: Annotated[float, Field(ge=0.0)] = 0.0
    """Weight of the disagreement between two passes with other dropout (alpha of R-Drop, Liang et
    al. 2021); doubles a step's time. On 2,000 reviews no gain (docs/results.md)."""
    fgm: Annotated[float, Field(ge=0.0)] = 0.0
    """Length of the step by which word embeddings are moved against the model (epsilon of FGM,
    Miyato et al. 2017); doubles a step's time. On 2,000 reviews no gain (docs/results.md)."""
    pull: Annotated[float, Field(ge=0.0)] = 0.0
    """Strength of the pull back to the pretrained weights (L2-SP, Li et al. 2018). On 2,000 reviews
    no gain (docs/results.md)."""
    unfreeze_fraction: Fraction = 0.0
    """Share of all steps in which the layers are unfrozen one by one, from the head down (Howard
    and Ruder 2018). 0: all train from the start. On 2,000 reviews no gain (docs/results.md)."""


class PretrainConfig(Section):
    """Further training of the encoder on words of the task's texts, before fine-tuning."""

    epochs: Annotated[float, Field(ge=0.0)] = 0.0
    """Passes over the texts in which the encoder learns to guess hidden words (Devlin et al. 2019;
    within the task, Sun et al. 2019); may be a part of one. 0: none. A point of accuracy on 2,000
    reviews by four of them; on all, part of the best recipe by twenty (docs/results.md)."""
    texts: str | None = None
    """DATA whose texts are learnt from beside the run's own training texts; labels are not needed,
    and not looked at. What also stands in the validation or held-out part is left out."""
    mask_fraction: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.15
    """Share of tokens to be guessed: of ten, eight are hidden, one is another token, one stays."""
    lr: Annotated[float, Field(gt=0.0)] = 1e-4
    """Peak learning rate, the same for all layers."""


class DistillConfig(Section):
    """Learning from the answers of a larger model beside the labels."""

    teacher: str | None = None
    """A model folder of plaudit, such as runs/large/model, with the same labels."""
    weight: Fraction = 0.5
    """Share of the loss that follows the teacher instead of the labels (1: all of it; 0: none, and
    the teacher is not asked). By a teacher no larger, on 2,000 reviews no gain
    (docs/results.md); one five times the size is part of the best recipe on all."""
    temperature: Annotated[float, Field(gt=0.0)] = 2.0
    """What both models' logits are divided by, the teacher's also by its own, which was fitted: the
    higher, the more its unlikely labels say (Hinton et al. 2015)."""
    texts: str | None = None
    """DATA without labels on which the teacher alone is followed. What also stands in the training,
    validation or held-out part is left out. An epoch of 18,409 reviews beside 2,000 labelled ones
    gained 1.4 points (docs/LOG.md)."""


class PseudoConfig(Section):
    """Texts that a model has labelled, to train on."""

    model: str | None = None
    """A model folder of plaudit, such as runs/first/model, with the same labels."""
    texts: str | None = None
    """DATA without labels. What also stands in the training, validation or held-out part is left
    out."""
    confidence: Annotated[float, Field(ge=0.0, le=1.0)] = 0.95
    """Calibrated probability of the label that a text must have to be trained on."""
