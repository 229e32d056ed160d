from .audio import Audio as Audio
from .f0 import F0Track as F0Track
from .note import Note as Note
from .parts import read_with_parts as read_with_parts
from .pitch import midi_to_hz as midi_to_hz
from .score import Score as Score
from .side import SideInformation as SideInformation
